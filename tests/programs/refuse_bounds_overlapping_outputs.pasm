; Outputs are packed in table order.
; error E_PROG_BOUNDS
input x f32[2]
output y f32[2]
output z f32[2] @ 0
tanh y, x
tanh z, x
