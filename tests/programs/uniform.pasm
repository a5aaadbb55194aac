; Numbers in (0, 1): other ones at every tick and for every instruction, the same ones after reset.
input  x f32[1]
output y f32[5]
output z f32[2]
output e f32[1]
uniform y
uniform z
copy e, x
; tick x 1 -> y 0x3ecc4fd2 0x3f6169c5 0x3f3c57ad 0x3f1b00db 0x3f78e4cd z 0x3ed5a18a 0x3f6a2363 e 1
; tick x 1 -> y 0x3f044515 0x3f708d6f 0x3d719c10 0x3f03f875 0x3f4a7cf7 z 0x3ef3a91e 0x3eb77a0e e 1
; reset
; tick x 2 -> y 0x3ecc4fd2 0x3f6169c5 0x3f3c57ad 0x3f1b00db 0x3f78e4cd z 0x3ed5a18a 0x3f6a2363 e 2
