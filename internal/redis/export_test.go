package redis

// ReadInfo is what the probe makes of an answer to INFO.
func ReadInfo(text string) ServerFacts {
	var s ServerFacts
	s.read(parseInfo(text))
	return s
}

// Level tells whether the replicas of a master have all that it has.
func Level(f Facts, master string) bool { return f.level(master) }

// OnlyMaster is the ordinal of the one server that answers as a master.
func OnlyMaster(f Facts) int32 { return f.onlyMaster() }

// Alone tells whether no server but the master answers.
func Alone(f Facts, master string) bool { return f.alone(master) }
