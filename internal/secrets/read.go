package secrets

// Read gives the secrets as they are, without making any; none when there is no
// file.
func Read(file string) (map[string]string, error) {
	content, err := read(file)
	if err != nil {
		return nil, err
	}
	return parse(content)
}
