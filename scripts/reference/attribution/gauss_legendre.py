"""Gauss-Legendre nodes and weights on [0, 1] in 40-digit arithmetic.

    python scripts/reference/attribution/gauss_legendre.py > packages/attribution/test/fixtures/gauss-legendre.json

Independent of numpy, whose weights lose digits for large n. Needs mpmath.
"""
import json

import mpmath as mp

mp.mp.dps = 40


def legendre(n, x):
    previous, value = mp.mpf(1), x
    for k in range(2, n + 1):
        previous, value = value, ((2 * k - 1) * x * value - (k - 1) * previous) / k
    return value, previous


def node(n, index):
    """The index-th node from the left: Newton from Tricomi's estimate."""
    theta = mp.pi * (4 * index + 3) / (4 * n + 2)
    x = -(1 - mp.mpf(n - 1) / (8 * mp.mpf(n) ** 3)) * mp.cos(theta)
    for _ in range(8):
        value, previous = legendre(n, x)
        x -= value * (x * x - 1) / (n * (x * value - previous))
    value, previous = legendre(n, x)
    derivative = n * (x * value - previous) / (x * x - 1)
    return float((1 + x) / 2), float(1 / ((1 - x * x) * derivative**2))


def rule(n, indices):
    pairs = [node(n, index) for index in indices]
    return {"steps": n, "indices": list(indices), "alphas": [a for a, _ in pairs], "weights": [w for _, w in pairs]}


print(
    json.dumps(
        {
            "origin": f"scripts/reference/attribution/gauss_legendre.py, mpmath {mp.__version__}, 40 digits",
            "rules": [
                rule(2, range(2)),
                rule(16, range(16)),
                rule(64, range(64)),
                rule(256, [0, 1, 2, 60, 127]),
                rule(2000, [0, 1, 2, 10, 500, 999]),
            ],
        }
    )
)
