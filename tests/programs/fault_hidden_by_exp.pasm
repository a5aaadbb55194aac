; exp of minus infinity is 0, min of infinity and 1 is 1, softplus and erf saturate: each notes it.
input  x f32[1]
output e f32[1] actuator low 0 high 1 safe 0.25
output p f32[1] actuator low 0 high 1 safe 0.25
output f f32[1] actuator low -1 high 1 safe 0.25
arena  sum f32[1]
add sum, x, x
exp e, sum
softplus p, sum
erf f, sum
; tick x -50 -> e 0 p 0 f -1
; tick x -3e38 -> e 0.25 p 0.25 f 0.25
; faults 1
