; A model that attends to its own last four tokens. The oldest row of the keys and of the values is left out, the new one
; put after the others; `valid` says which rows hold a token, and hides the others.
input  x      f32[2]
output y      f32[2]
state  keys   f32[4,2]
state  values f32[4,2]
state  valid  f32[4]
const  w      f32[6,2] = 1 0  0 1  0.5 0.5  -1 1  2 0  0 3
const  one    f32[1] = 1
const  ones   f32[4] = 1
const  huge   f32[4] = 1e30
arena  qkv        f32[6]
arena  key        f32[2]
arena  value      f32[2]
arena  kept       f32[3,2]
arena  last       f32[4,2]
arena  kept_value f32[3,2]
arena  last_value f32[4,2]
arena  kept_valid f32[3]
arena  last_valid f32[4]
arena  mask       f32[4]
linear    qkv, x, w
strided   key, qkv, 2, 0, 0, 0, 1
strided   kept, keys, 2, 0, 0, 2, 1
concat    last, kept, key
strided   value, qkv, 4, 0, 0, 0, 1
strided   kept_value, values, 2, 0, 0, 2, 1
concat    last_value, kept_value, value
strided   kept_valid, valid, 1, 0, 0, 0, 1
concat    last_valid, kept_valid, one
normalize mask, last_valid, ones, huge
attention y, qkv, last, last_value, mask, 1, 0.7, 0, 0, 0
copy keys, last
copy values, last_value
copy valid, last_valid
; near 1e-5
; tick x 1 0 -> y 2 0
; tick x 0 1 -> y 0.3956322 2.406552
; tick x 1 1 -> y 0.9750344 2.62087
; tick x -1 0.5 -> y -0.5094093 1.874352
; tick x 0.5 2 -> y 0.01979348 4.012935
; tick x 2 -1 -> y 3.31322 -1.085928
; tick x 0 0 -> y 0.75 1.125
; tick x 1 -2 -> y 3.308229 -3.946936
