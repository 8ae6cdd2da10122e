package levels

import "flag"

var (
	trace   = flag.Bool("trace", false, "tell every event")
	seconds = flag.Int("seconds", 0, "run fresh seeds for so long")
	seeds   = flag.Int("seeds", 40, "run so many seeds, from 1 on")
	seed    = flag.Uint64("seed", 0, "run this seed only")
)
