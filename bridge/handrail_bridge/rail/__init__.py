"""The road of everything that moves: belief, check, permit, approval, lease, motion, receipt."""
