; y = W x + gain · scale · B (A x). A x = 127, so t is quantised exactly; scale 2 · 127 · gain is added to y0 only.
input  x f32[2]
output y f32[2]
const  w i8[2,2] scale s = 1 0  0 1
const  s f32[2] = 1
fc: linear y, x, w
slot fc max_rank 4
lora A  i8[1,2] scale As = 1 0
lora As f32[1] = 1
lora B  i8[2,1] scale Bs = 1 0
lora Bs f32[2] = 1
patch fc, A, B scale 2
; tick x 127 3 -> y 127 3
; attach 1
; tick x 127 3 -> y 381 3
; detach
; tick x 127 3 -> y 127 3
; attach 0.5
; tick x 127 3 -> y 254 3
; detach
; attach 0
; tick x 127 3 -> y 127 3
