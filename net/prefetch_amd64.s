#include "textflag.h"

// func prefetchHop(own *hotLink, ready *packetMeta, head *wire.Segment, behind *packetMeta, way *route, onto *hotLink, last *packetMeta, chain *trace.Node)
TEXT ·prefetchHop(SB), NOSPLIT, $0-64
	MOVQ own+0(FP), AX
	MOVQ ready+8(FP), BX
	MOVQ head+16(FP), CX
	MOVQ behind+24(FP), DX
	MOVQ way+32(FP), SI
	MOVQ onto+40(FP), DI
	MOVQ last+48(FP), R8
	MOVQ chain+56(FP), R9
	PREFETCHT0 (AX)
	PREFETCHT0 (BX)
	PREFETCHT0 (CX)
	PREFETCHT0 (DX)
	PREFETCHT0 (SI)
	PREFETCHT0 (DI)
	PREFETCHT0 64(DI)
	PREFETCHT0 (R8)
	PREFETCHT0 (R9)
	RET
