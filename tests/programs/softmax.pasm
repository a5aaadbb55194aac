; Equal logits share; logits far below the largest get nothing; adding to all of them changes nothing.
input  x f32[4]
output y f32[4]
softmax y, x
; tick x 1 1 1 1 -> y 0.25 0.25 0.25 0.25
; tick x 3e38 3e38 -3e38 0 -> y 0.5 0.5 0 0
; near 1e-6
; tick x 0 1 2 3 -> y 0.0320586 0.0871443 0.2368828 0.6439143
; tick x 100 101 102 103 -> y 0.0320586 0.0871443 0.2368828 0.6439143
