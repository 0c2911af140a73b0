#include "textflag.h"

// func prefetchHop(own *hotLink, ready *packetMeta, head *wire.Segment, behind *packetMeta, way *route, onto *hotLink, last *packetMeta, chain *trace.Node)
TEXT ·prefetchHop(SB), NOSPLIT, $0-64
	MOVD own+0(FP), R0
	MOVD ready+8(FP), R1
	MOVD head+16(FP), R2
	MOVD behind+24(FP), R3
	MOVD way+32(FP), R4
	MOVD onto+40(FP), R5
	MOVD last+48(FP), R6
	MOVD chain+56(FP), R7
	PRFM (R0), PLDL1KEEP
	PRFM (R1), PLDL1KEEP
	PRFM (R2), PLDL1KEEP
	PRFM (R3), PLDL1KEEP
	PRFM (R4), PLDL1KEEP
	PRFM (R5), PLDL1KEEP
	PRFM 64(R5), PLDL1KEEP
	PRFM (R6), PLDL1KEEP
	PRFM (R7), PLDL1KEEP
	RET
