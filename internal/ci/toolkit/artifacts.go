package toolkit

import (
	"archive/zip"
	"crypto/rand"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// service is the path of the artifacts' methods.
// Source: actions/toolkit, packages/artifact/src/generated.
const service = "/twirp/github.actions.results.api.v1.ArtifactService/"

// upload is an artifact on its way: its blocks by their names, and the whole once
// the list of blocks has come.
type upload struct{ name, folder string }

func (u *upload) whole() string { return filepath.Join(u.folder, "whole") }

// block is the file of a block, whose name the client chooses.
func (u *upload) block(id string) string { return filepath.Join(u.folder, fmt.Sprintf("block-%x", id)) }

// asked is what any of the methods is asked with.
type asked struct {
	Run    string  `json:"workflow_run_backend_id"`
	Job    string  `json:"workflow_job_run_backend_id"`
	Name   string  `json:"name"`
	Filter *string `json:"name_filter"`
	ID     *string `json:"id_filter"`
}

// call answers one of the service's methods.
func (s *Server) call(w http.ResponseWriter, r *http.Request) {
	kept := s.keeper(r)
	if kept == nil {
		refuse(w, http.StatusUnauthorized, "unauthenticated", "the token is not one of this run")
		return
	}
	var a asked
	if err := json.NewDecoder(io.LimitReader(r.Body, 1<<20)).Decode(&a); err != nil {
		refuse(w, http.StatusBadRequest, "malformed", err.Error())
		return
	}
	method := r.PathValue("method")
	if method != "ListArtifacts" && (a.Name == "" || strings.ContainsAny(a.Name, `"\/:<>|*?`+"\r\n") || a.Name == "." || a.Name == "..") {
		refuse(w, http.StatusBadRequest, "invalid_argument", fmt.Sprintf("%q is no name for an artifact", a.Name))
		return
	}
	answer := map[string]func(asked) (any, error){
		"CreateArtifact": s.create, "FinalizeArtifact": s.finalize, "ListArtifacts": s.list, "GetSignedArtifactURL": s.sign, "DeleteArtifact": s.remove,
	}[method]
	if answer == nil {
		refuse(w, http.StatusNotFound, "bad_route", method+" is not known here")
		return
	}
	result, err := answer(a)
	switch {
	case errors.Is(err, fs.ErrExist):
		refuse(w, http.StatusConflict, "already_exists", "an artifact with this name already exists on the workflow run")
	case errors.Is(err, fs.ErrNotExist):
		refuse(w, http.StatusNotFound, "not_found", "the run has no artifact "+a.Name)
	case err != nil:
		refuse(w, http.StatusInternalServerError, "internal", err.Error())
	default:
		if method == "FinalizeArtifact" {
			kept(a.Name)
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(result) // who asked is gone otherwise
	}
}

// refuse answers with an error as the service's protocol has it.
func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"code": code, "msg": message})
}

func (s *Server) place(name string) string { return filepath.Join(s.folder, name) }

func (s *Server) create(a asked) (any, error) {
	if _, err := os.Stat(s.place(a.Name)); err == nil {
		return nil, fs.ErrExist
	}
	id := rand.Text()
	u := &upload{a.Name, filepath.Join(s.parts, id)}
	if err := os.Mkdir(u.folder, 0o700); err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.uploads[id] = u
	s.mu.Unlock()
	return map[string]any{"ok": true, "signed_upload_url": s.address + "/upload/" + id + "?sig=" + id}, nil
}

// put takes a part of an upload, in the words of a blob storage: a block, the list
// of blocks, or all at once.
func (s *Server) put(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	u := s.uploads[r.PathValue("id")]
	s.mu.Unlock()
	if u == nil {
		http.NotFound(w, r)
		return
	}
	var err error
	switch r.URL.Query().Get("comp") {
	case "block":
		err = write(u.block(r.URL.Query().Get("blockid")), r.Body)
	case "blocklist":
		err = u.assemble(r.Body)
	default:
		err = write(u.whole(), r.Body)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.WriteHeader(http.StatusCreated)
}

func write(name string, from io.Reader) (err error) {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	_, err = io.Copy(file, from)
	return err
}

// assemble puts the blocks together in the order of the list.
func (u *upload) assemble(list io.Reader) (err error) {
	var blocks struct {
		Latest []string `xml:"Latest"`
	}
	if err := xml.NewDecoder(io.LimitReader(list, 64<<20)).Decode(&blocks); err != nil {
		return err
	}
	whole, err := os.Create(u.whole())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, whole.Close()) }()
	for _, id := range blocks.Latest {
		block, err := os.Open(u.block(id))
		if err != nil {
			return err
		}
		_, err = io.Copy(whole, block)
		if err := errors.Join(err, block.Close(), os.Remove(block.Name())); err != nil {
			return err
		}
	}
	return nil
}

// finalize unpacks what came of the upload into the run's artifacts, whole or not
// at all.
func (s *Server) finalize(a asked) (any, error) {
	s.mu.Lock()
	var u *upload
	for id, one := range s.uploads {
		if one.name == a.Name {
			u = one
			delete(s.uploads, id)
		}
	}
	s.mu.Unlock()
	if u == nil {
		return nil, fs.ErrNotExist
	}
	defer func() { _ = os.RemoveAll(u.folder) }()
	if err := os.MkdirAll(s.folder, 0o755); err != nil {
		return nil, err
	}
	// Beside its place: what is on another file system cannot be renamed into it.
	part, err := os.MkdirTemp(filepath.Dir(s.folder), ".unpacked-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(part) }()
	if err := unpack(u.whole(), filepath.Join(part, "files")); err != nil {
		return nil, fmt.Errorf("unpacking the artifact %s: %w", a.Name, err)
	}
	if err := os.Rename(filepath.Join(part, "files"), s.place(a.Name)); err != nil {
		return nil, err
	}
	return map[string]any{"ok": true, "artifact_id": number(a.Name)}, nil
}

func unpack(archive, folder string) error {
	reader, err := zip.OpenReader(archive)
	if err != nil {
		return err
	}
	defer func() { _ = reader.Close() }()
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for _, f := range reader.File {
		name := filepath.FromSlash(f.Name)
		if !filepath.IsLocal(name) {
			return fmt.Errorf("%q leads out of the artifact", f.Name)
		}
		to := filepath.Join(folder, name)
		if f.FileInfo().IsDir() {
			if err := os.MkdirAll(to, 0o755); err != nil {
				return err
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		content, err := f.Open()
		if err != nil {
			return err
		}
		if err := errors.Join(write(to, content), content.Close()); err != nil {
			return err
		}
		if mode := f.Mode().Perm(); mode&0o111 != 0 {
			if err := os.Chmod(to, 0o755); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Server) list(a asked) (any, error) {
	entries, err := os.ReadDir(s.folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	found := []map[string]any{}
	for _, e := range entries {
		if !e.IsDir() || a.Filter != nil && *a.Filter != e.Name() || a.ID != nil && *a.ID != number(e.Name()) {
			continue
		}
		made := time.Now()
		if info, err := e.Info(); err == nil {
			made = info.ModTime()
		}
		found = append(found, map[string]any{
			"workflow_run_backend_id": a.Run, "workflow_job_run_backend_id": a.Job, "database_id": number(e.Name()),
			"name": e.Name(), "size": strconv.FormatInt(size(s.place(e.Name())), 10), "created_at": made.UTC().Format(time.RFC3339),
		})
	}
	return map[string]any{"artifacts": found}, nil
}

func size(folder string) (bytes int64) {
	_ = filepath.WalkDir(folder, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			if info, err := e.Info(); err == nil {
				bytes += info.Size()
			}
		}
		return nil
	})
	return bytes
}

func (s *Server) sign(a asked) (any, error) {
	if _, err := os.Stat(s.place(a.Name)); err != nil {
		return nil, err
	}
	id := rand.Text()
	s.mu.Lock()
	s.downloads[id] = a.Name
	s.mu.Unlock()
	return map[string]any{"signed_url": s.address + "/download/" + id + "?sig=" + id}, nil
}

// get sends an artifact as an archive.
func (s *Server) get(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	name, known := s.downloads[r.PathValue("id")]
	s.mu.Unlock()
	if !known {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/zip")
	w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", name+".zip"))
	archive := zip.NewWriter(w)
	err := archive.AddFS(os.DirFS(s.place(name)))
	if err = errors.Join(err, archive.Close()); err != nil {
		panic(http.ErrAbortHandler) // it has begun: breaking off is all that tells
	}
}

func (s *Server) remove(a asked) (any, error) {
	if _, err := os.Stat(s.place(a.Name)); err != nil {
		return nil, err
	}
	return map[string]any{"ok": true, "artifact_id": number(a.Name)}, os.RemoveAll(s.place(a.Name))
}

// number is an artifact's id, which the toolkit wants to be one.
func number(name string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(name)) // never fails
	return strconv.FormatUint(uint64(h.Sum32()), 10)
}
