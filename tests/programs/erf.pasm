; Odd, and exactly 1 far out.
input  x f32[4]
output y f32[4]
erf y, x
; tick x 0 4 -4 100 -> y 0 1 -1 1
; near 1e-6
; tick x 0.5 -0.5 1 2 -> y 0.52049988 -0.52049988 0.84270079 0.99532227
