; abs drops a sign, sqrt is exact, exp is 1 at 0 and 0 below -87.
input  x f32[3]
output a f32[3]
output r f32[3]
output e f32[3]
arena  m f32[3]
abs m, x
copy a, m
sqrt r, m
exp e, x
; tick x 0 -4 -0 -> a 0 4 0 r 0 2 0
; tick x -88 -2 -87.00001 -> a 88 2 87.00001 e 0 0x3e0a9555 0
; near 1e-6
; tick x 1 -1 0.5 -> e 2.7182818 0.36787944 1.6487213
