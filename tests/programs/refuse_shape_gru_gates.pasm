; The gates of a gru are three times its state.
; error E_PROG_SHAPE
input g f32[6]
input h f32[3]
output y f32[3]
gru y, g, g, h
