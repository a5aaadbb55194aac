; 133,144 columns: every product at its largest is 2,147,479,576, still below 2^31.
input  x f32[1]
output y f32[1]
const  ones f32[133144] = 127
const  w i8[1,133144] scale s = 127
const  s f32[1] = 1
arena  h f32[1]
linear h, ones, w
add y, h, x
; tick x 0 -> y 2147479552
