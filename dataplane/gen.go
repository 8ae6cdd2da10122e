package dataplane

// The kernel programs are compiled once, here, and committed: building Rollcall needs no
// C compiler. After a change in ../bpf run go generate, which needs clang 14 or later,
// llvm-strip and the headers of libbpf.
//go:generate go tool bpf2go -target bpfel -cc clang -strip llvm-strip -cflags "-O2 -g -Wall -Werror -mcpu=v3 -I/usr/include/x86_64-linux-gnu -I/usr/include/aarch64-linux-gnu" rollcall ../bpf/rollcall.bpf.c
