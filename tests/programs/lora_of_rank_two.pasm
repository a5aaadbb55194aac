; Two rows of A, both seen by B. x = (127, 0) gives t = (127, −127); B adds them for y0 and subtracts them for y1.
input  x f32[2]
output y f32[2]
const  w f32[2,2] = 0
fc: linear y, x, w
slot fc max_rank 2
lora A  i8[2,2] scale As = 1 0  -1 0
lora As f32[2] = 1
lora B  i8[2,2] scale Bs = 1 1  1 -1
lora Bs f32[2] = 1
patch fc, A, B scale 1
; attach 1
; tick x 127 0 -> y 0 254
; tick x -127 -5 -> y 0 -254
