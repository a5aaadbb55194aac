; mean + exp(log_std) · normal, the action of a stochastic policy.
input  mean f32[2]
input  log_std f32[2]
output act f32[2] actuator low -99 high 99 safe 0
arena  std f32[2]
arena  z f32[2]
arena  noise f32[2]
exp std, log_std
normal z
mul noise, std, z
add act, mean, noise
; near 3e-6
; tick mean 0 0 log_std 0 0 -> act 1.1363676 -0.6758826
; tick mean 10 -10 log_std 0 0.69314718 -> act 9.23296408 -8.10605968
; reset
; tick mean 1 1 log_std -80 -80 -> act 1 1
