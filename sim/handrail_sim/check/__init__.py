"""The check: a plan rolled out in the belief's world, and what was found.

Shapes: j joints in bus order. What is said in rad and N.m is m and N for a joint that slides.
"""
