; The elements of a where c > 0, of b elsewhere. What is left out may be anything: 1 / 0 here.
input  c f32[4]
input  a f32[4]
output y f32[4]
const  one f32[4] = 1
arena  inverse f32[4]
div inverse, one, a
select y, c, inverse, a
; tick c 1 0 -1 0.5 a 2 0 0 -4 -> y 0.5 0 0 -0.25
; tick c 0 0 0 0 a 0 1 -2 3 -> y 0 1 -2 3
; tick c 1 1 1 1 a 1 2 4 0 -> y 0 0 0 0
; faults 1
