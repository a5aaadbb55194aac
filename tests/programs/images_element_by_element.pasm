; What works element by element takes images, and a linear or concat reads them as vectors.
input  x f32[1,2,2]
output y f32[1]
output z f32[8]
const  m f32[1,2,2] = 1
const  k f32[1,2,2] = 2
const  w f32[1,4] = 1 10 100 1000
arena  n f32[1,2,2]
arena  r f32[1,2,2]
normalize n, x, m, k
relu r, n
linear y, r, w
concat z, x, r
; tick x 0 2 3 4 -> y 6420 z 0 2 3 4 0 2 4 6
