; Bits as they are: the sign of zero and denormals too.
input  x f32[3]
output y f32[3]
copy y, x
; tick x -0 1e-45 3.4028235e38 -> y -0 1e-45 3.4028235e38
