"""Covariances between levels, and weights of neighbours."""

COV, CAR, SAR = (
    '"y ~ x + (1 | gr(g, cov=K))", data',
    '"y ~ x + car(W, gr=g)", data',
    '"y ~ x + sar(W, gr=g)", data',
)

CASES = {
    "covariances-not-named": [
        f"sl.Model({COV}, covariances=np.eye(6))",
        f"sl.Model({COV}, covariances={{1: known}})",
    ],
    "matrix-not-used": ['sl.Model("y ~ x", data, covariances={"K": known})'],
    "covariance-not-numbers": [
        f'sl.Model({COV}, covariances={{"K": "abc"}})',
        f'sl.Model({COV}, covariances={{"K": known + 1j}})',
        f'sl.Model({COV}, covariances={{"K": known.astype(str)}})',
    ],
    "covariance-shape": [f'sl.Model({COV}, covariances={{"K": known.to_numpy()[:5]}})'],
    "covariance-without-labels": [
        f'sl.Model({COV}, covariances={{"K": known.to_numpy() + np.diag(range(6))}})'
    ],
    "covariance-not-symmetric": [
        f'sl.Model({COV}, covariances={{"K": known + np.eye(6, k=1) / 3}})',
        f'sl.Model({COV}, covariances={{"K": known * np.nan}})',
    ],
    "covariance-not-positive": [f'sl.Model({COV}, covariances={{"K": known - 2}})'],
    "covariance-lacks-levels": [
        f'sl.Model({COV}, covariances={{"K": known.rename(index=str.upper, columns=str.upper)}})'
    ],
    "covariance-labels": [
        f'sl.Model({COV}, covariances={{"K": known.iloc[[0, 0, 1, 2, 3, 4, 5], [0, 0, 1, 2, 3, 4, 5]]}})'
    ],
    "one-row-a-level": ['sl.Model("y ~ x + (1 | gr(id, cov=K))", data, covariances={"K": np.eye(24)})'],
    "matrix-not-given": [f'sl.Model({CAR}, covariances={{"V": ring}})'],
    "matrix-without-labels": [f'sl.Model({CAR}, covariances={{"W": ring.to_numpy()}})'],
    "matrix-labels": [f'sl.Model({CAR}, covariances={{"W": ring.rename(index={{"a": "z"}})}})'],
    "labels-not-in-matrix": [
        f'sl.Model({CAR}, covariances={{"W": ring.rename(index={{"a": "z"}}, columns={{"a": "z"}})}})'
    ],
    "not-neighbours": [
        f'sl.Model({CAR}, covariances={{"W": ring + np.eye(6)}})',
        f'sl.Model({CAR}, covariances={{"W": -ring}})',
        f'sl.Model({SAR}, covariances={{"W": ring + np.eye(6)}})',
    ],
    "matrix-type": [
        f'sl.Model({CAR}, covariances={{"W": ring.replace(0, "none")}})',
        'sl.Model("y ~ x + sar(W)", data, covariances={"W": "abc"})',
    ],
    "matrix-shape": ['sl.Model("y ~ x + sar(W)", data, covariances={"W": np.ones((2, 3))})'],
    "matrix-rows": ['sl.Model("y ~ x + sar(W)", data, covariances={"W": ring.to_numpy()})'],
}
