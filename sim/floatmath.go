package sim

import "math"

// The functions of this file are those of the field whose result feeds a
// trace. The standard library has assembly versions of some on some machines,
// and its Go versions are fused differently elsewhere; these give the same bits
// everywhere, because every product that meets a sum is wrapped.

// Sqrt is the correctly rounded square root, which IEEE 754 fixes.
func Sqrt(x float64) float64 { return math.Sqrt(x) }

// Log returns the natural logarithm, with an error below 2 ulp. It follows
// FreeBSD's e_log.c: x = 2^k (1+f), log(1+f) by an odd polynomial in
// s = f/(2+f).
func Log(x float64) float64 {
	const (
		ln2Hi = 6.93147180369123816490e-01
		ln2Lo = 1.90821492927058770002e-10
		l1    = 6.666666666666735130e-01
		l2    = 3.999999999940941908e-01
		l3    = 2.857142874366239149e-01
		l4    = 2.222219843214978396e-01
		l5    = 1.818357216161805012e-01
		l6    = 1.531383769920937332e-01
		l7    = 1.479819860511658591e-01
	)
	switch {
	case math.IsNaN(x) || math.IsInf(x, 1):
		return x
	case x < 0:
		return math.NaN()
	case x == 0:
		return math.Inf(-1)
	}
	f, ki := math.Frexp(x)
	if f < math.Sqrt2/2 {
		f *= 2
		ki--
	}
	f--
	k := float64(ki)
	s := f / (2 + f)
	s2 := s * s
	s4 := s2 * s2
	t1 := float64(s2 * (l1 + float64(s4*(l3+float64(s4*(l5+float64(s4*l7)))))))
	t2 := float64(s4 * (l2 + float64(s4*(l4+float64(s4*l6)))))
	r := t1 + t2
	hfsq := float64(float64(0.5*f) * f)
	return float64(k*ln2Hi) - ((hfsq - (float64(s*(hfsq+r)) + float64(k*ln2Lo))) - f)
}

// Exp returns e**x, with an error below 1 ulp (FreeBSD's e_exp.c).
func Exp(x float64) float64 {
	const (
		ln2Hi = 6.93147180369123816490e-01
		ln2Lo = 1.90821492927058770002e-10
		log2e = 1.44269504088896338700e+00
		p1    = 1.66666666666666657415e-01
		p2    = -2.77777777770155933842e-03
		p3    = 6.61375632143793436117e-05
		p4    = -1.65339022054652515390e-06
		p5    = 4.13813679705723846039e-08
	)
	switch {
	case math.IsNaN(x) || math.IsInf(x, 1):
		return x
	case x > 709.782712893384:
		return math.Inf(1)
	case x < -745.1332191019411:
		return 0
	}
	k := int(float64(log2e*x) + math.Copysign(0.5, x))
	hi := x - float64(float64(k)*ln2Hi)
	lo := float64(float64(k) * ln2Lo)
	r := hi - lo
	t := r * r
	c := r - float64(t*(p1+float64(t*(p2+float64(t*(p3+float64(t*(p4+float64(t*p5)))))))))
	y := 1 - ((lo - float64(r*c)/(2-c)) - hi)
	return math.Ldexp(y, k)
}

// Pow returns x**y for x > 0.
func Pow(x, y float64) float64 { return Exp(float64(y * Log(x))) }

// Cbrt returns the cube root, with an error below 1 ulp (FreeBSD's s_cbrt.c).
func Cbrt(x float64) float64 {
	const (
		b1 = 715094163
		c  = 5.42857142857142815906e-01
		d  = -7.05306122448979611050e-01
		e  = 1.41428571428571436819e+00
		f  = 1.60714285714285720630e+00
		g  = 3.57142857142857150787e-01
	)
	if x == 0 || math.IsNaN(x) || math.IsInf(x, 0) {
		return x
	}
	if a := math.Abs(x); a < 0x1p-1022 { // subnormal
		return Cbrt(x*0x1p54) / 0x1p18
	}
	sign := x < 0
	x = math.Abs(x)
	// Rough root to 5 bits, then a rational step to 23, rounded to 20 bits.
	t := math.Float64frombits(math.Float64bits(x)/3 + b1<<32)
	r := float64(t*t) / x
	s := c + float64(r*t)
	t *= g + f/(s+e+d/s)
	t = math.Float64frombits(math.Float64bits(t)&(0xFFFFFFFFC<<28) + 1<<30)
	// One Newton step to 53 bits.
	s = t * t
	r = x / s
	w := t + t
	r = (r - t) / (w + r)
	t += float64(t * r)
	if sign {
		return -t
	}
	return t
}
