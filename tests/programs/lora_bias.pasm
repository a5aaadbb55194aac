; A bias delta is added with the gain, not with the scale.
input  x f32[2]
output y f32[2]
const  w f32[2,2] = 1 0  0 1
fc: linear y, x, w
slot fc max_rank 1
lora A  i8[1,2] scale As = 0 0
lora As f32[1] = 1
lora B  i8[2,1] scale Bs = 0 0
lora Bs f32[2] = 1
lora d  f32[2] = 8 -4
patch fc, A, B, d scale 100
; attach 1
; tick x 1 2 -> y 9 -2
; detach
; attach 0.25
; tick x 1 2 -> y 3 1
