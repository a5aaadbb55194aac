; 66,572 columns: every product at its largest, 254 · 127, is 2,147,479,576 in all, still below 2^31.
input  x f32[1]
output y f32[1]
const  ones f32[66572] = 127
const  w i8[1,66572] scale s = 127
const  s f32[1] = 1
arena  h f32[1]
linear h, ones, w
add y, h, x
; tick x 0 -> y 1073739776
