; The smaller of infinity and 1, and the larger of that and 0: both note it.
input  x f32[1]
output low  f32[1] actuator low 0 high 1 safe 0.25
output high f32[1] actuator low 0 high 9 safe 0.25
const  one f32[1] = 1
arena  sum f32[1]
arena  neg f32[1]
add sum, x, x
min low, sum, one
sub neg, one, sum
max high, neg, one
; tick x 2 -> low 1 high 1
; tick x 3e38 -> low 0.25 high 0.25
; faults 1
