; Patches go to the slots they name.
input  x f32[1]
output y f32[1]
const  w1 f32[1,1] = 1
const  w2 f32[1,1] = 1
arena  h f32[1]
first:  linear h, x, w1
second: linear y, h, w2
slot first max_rank 1
slot second max_rank 1
lora A  i8[1,1] scale As = 1
lora As f32[1] = 1
lora B  i8[1,1] scale Bs = 1
lora Bs f32[1] = 1
patch second, A, B scale 3
; tick x 127 -> y 127
; attach 1
; tick x 127 -> y 508
