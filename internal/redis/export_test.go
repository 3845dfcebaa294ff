package redis

// ReadInfo is what the probe makes of an answer to INFO.
func ReadInfo(text string) ServerFacts {
	var s ServerFacts
	s.read(parseInfo(text))
	return s
}
