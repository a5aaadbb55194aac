; An adapter reaches every row of x: 2 · (the first element of the row) is added to the first of y, and a bias.
input  x f32[2,2]
output y f32[2,2]
const  w i8[2,2] scale s = 1 0  0 1
const  s f32[2] = 1
fc: linear y, x, w
slot fc max_rank 4
lora A  i8[1,2] scale As = 1 0
lora As f32[1] = 1
lora B  i8[2,1] scale Bs = 1 0
lora Bs f32[2] = 1
lora c  f32[2] = 0 8
patch fc, A, B, c scale 2
; tick x 127 3 254 6 -> y 127 3 254 6
; attach 0.5
; tick x 127 3 254 6 -> y 254 7 508 10
