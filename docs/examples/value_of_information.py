"""What it would be worth to know more about the model in oncology.py, as three figures."""

from oncology import study

for name in ("net_benefit", "evpi", "evppi"):
    axes = getattr(study.plot, name)()
    figure = axes.figure if name != "evppi" else axes[0].figure
    figure.savefig(f"{name}.png", dpi=150)
    print(f"{name}.png: {figure.get_suptitle()}")
