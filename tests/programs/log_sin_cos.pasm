; log of what is positive, sin and cos of angles up to 8192.
input  x f32[4]
output l f32[4]
output s f32[4]
output c f32[4]
log l, x
sin s, x
cos c, x
; tick x 1 1 1 1 -> l 0 0 0 0
; near 2e-7
; tick x 0.5 1 2 3.1415927 -> l -0.6931472 0 0.6931472 1.1447299 s 0.47942555 0.84147096 0.9092974 -8.742278e-8 c 0.87758255 0.5403023 -0.41614684 -1
; near 1e-5
; tick x 8192 2e-38 100 1000 -> l 9.0109131 -86.80509 4.6051702 6.9077553 s -0.95617315 0 -0.50636564 0.82687956 c 0.29280181 1 0.86231887 0.56237906
; faults 0
; tick x 0 1 1 1 -> l 0 0 0 0 s 0 0 0 0 c 0 0 0 0
; tick x 1 1 1 8192.001 -> l 0 0 0 0 s 0 0 0 0 c 0 0 0 0
; faults 2
