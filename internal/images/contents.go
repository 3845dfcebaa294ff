package images

import (
	"context"
	"fmt"
	"io"

	"github.com/paws360/pawskind/internal/sbom"
)

// Bill is what an image is made of.
type Bill struct {
	Status
	Contents sbom.Contents
}

// Bill looks through an image that the engine has.
func (b *Builder) Bill(ctx context.Context, image Status) (Bill, error) {
	b.Progress("looking through image " + image.Name)
	reader, writer := io.Pipe()
	go func() { writer.CloseWithError(b.Engine.Export(ctx, writer, image.Ref)) }()
	contents, err := sbom.Read(reader)
	// What comes after the last file is of no interest, but the engine has to write it.
	_, _ = io.Copy(io.Discard, reader)
	if err != nil {
		return Bill{}, fmt.Errorf("looking through image %s: %w", image.Name, err)
	}
	return Bill{image, contents}, nil
}

// Document is the bill in CycloneDX' JSON.
func (b Bill) Document() ([]byte, error) {
	return sbom.Document(sbom.Image{Ref: b.Ref, ID: b.ID, Built: b.Created}, b.Contents)
}
