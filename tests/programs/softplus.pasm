; log(1 + exp(x)): log 2 at 0, x far above, 0 far below.
input  x f32[3]
output y f32[3]
softplus y, x
; tick x 100 -100 25 -> y 100 0 25
; near 1e-6
; tick x 0 1 -1 -> y 0.69314718 1.3132617 0.31326169
; tick x -10 10 3 -> y 4.5398899e-5 10.0000454 3.0485874
