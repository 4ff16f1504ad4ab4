"""Pictures, and what geometry reads out of them; else only calibration and benches use OpenCV."""
