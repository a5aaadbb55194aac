; By name, in the order of the table.
input  pose f32[2]
input  goal f32[2]
output way  f32[2]
output near i32[1]
arena  d f32[2]
sub d, goal, pose
copy way, d
argmax near, d
; tick pose 1 1 goal 4 2 -> way 3 1 near 0
; tick pose 1 1 goal 1 2 -> way 0 1 near 1
