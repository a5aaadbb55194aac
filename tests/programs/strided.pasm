; A slice, a stepped and a reversed one, a repetition, a transposition, and windows of three that overlap.
input  x f32[6]
output slice    f32[2]
output stepped  f32[3]
output reversed f32[6]
output repeated f32[2,3]
output turned   f32[3,2]
output windows  f32[4,3]
strided slice, x, 4, 0, 0, 0, 1
strided stepped, x, 1, 0, 0, 0, 2
strided reversed, x, 5, 0, 0, 0, -1
strided repeated, x, 2, 0, 0, 1, 0
strided turned, x, 0, 0, 0, 1, 3
strided windows, x, 0, 0, 0, 1, 1
; tick x 1 2 3 4 5 6 -> slice 5 6 stepped 2 4 6 reversed 6 5 4 3 2 1
; tick x 1 2 3 4 5 6 -> repeated 3 3 3 4 4 4 turned 1 4 2 5 3 6 windows 1 2 3 2 3 4 3 4 5 4 5 6
