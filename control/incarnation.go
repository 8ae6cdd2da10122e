package control

// IncarnationOf is the number of a register's life: the upper half says during which boot of its
// host it began, the lower one is drawn. Boot 0 is unknown. No incarnation is zero.
func IncarnationOf(boot, drawn uint32) uint64 {
	return uint64(boot)<<32 | uint64(max(drawn, 1))
}

// otherBoot reports whether two incarnations of a node are surely of two boots: the kernel that
// held the one register is not the one that holds the other.
func otherBoot(a, b uint64) bool {
	a, b = a>>32, b>>32
	return a != 0 && b != 0 && a != b
}
