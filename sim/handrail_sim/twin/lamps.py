"""Lamps of the world: materials named ``lamp_*``, which shine while they are lit."""

from __future__ import annotations

from collections.abc import Iterable

import mujoco

PREFIX = "lamp_"
DARK = 0.3  # of its colour, unlit
GLOW = 1.0  # emission, lit


class Lamps:
    """The lamps of one model, in its order of materials, and their own colours."""

    def __init__(self, model: mujoco.MjModel) -> None:
        self._model = model
        found = ((model.material(number).name, number) for number in range(model.nmat))
        self._materials = {name: number for name, number in found if name.startswith(PREFIX)}
        self._colors = {name: model.mat_rgba[n, :3].copy() for name, n in self._materials.items()}

    @property
    def names(self) -> tuple[str, ...]:
        """Their materials' names."""
        return tuple(self._materials)

    def show(self, lit: Iterable[float]) -> None:
        """Have the model look as these lamps, in the order of ``names``, are lit (1) or not (0)."""
        for (name, number), level in zip(self._materials.items(), lit, strict=True):
            self._model.mat_emission[number] = GLOW * level
            self._model.mat_rgba[number, :3] = self._colors[name] * (DARK + (1 - DARK) * level)
