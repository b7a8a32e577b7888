"""Say once a second what a Raspberry Pi's camera sees: NumPy, mlp_runtime, picamera2 and a model file, nothing else."""

import sys
import time

from picamera2 import Picamera2

import mlp_runtime

SURE = 0.6  # of an empty desk a network says something too, but it is rarely sure of it
model = mlp_runtime.load(sys.argv[1] if len(sys.argv) > 1 else "model.mlp")
camera = Picamera2()
# What picamera2 calls BGR888 lies in memory as red, green, blue, which is what predict takes.
camera.configure(camera.create_preview_configuration({"size": (320, 240), "format": "BGR888"}))
camera.start()
while True:
    (label, probability), *_ = model.top(camera.capture_array(), 1)  # uint8 (240, 320, 3)
    print(f"{label if probability >= SURE else '?'}  {probability:.0%}", flush=True)
    time.sleep(1)
