"""Renders the model cards: the part of weights/README.md between its two marks, and docs/images/learning.png.

python benchmarks/cards.py
"""

import json
from pathlib import Path

from keras_srgan.weights import cards

ROOT = Path(__file__).parents[1]
BEGIN, END = "<!-- From the cards, by python benchmarks/cards.py: -->\n", "<!-- End. -->\n"
SHARED = {"intended_use": "Intended use", "limits": "Limits", "hardware": "Hardware"}


def read_cards() -> list[dict]:
    """The cards of `weights/`, by name."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in cards(ROOT / "weights")]


def interval(figure: dict) -> str:
    return f"{figure['mean']:.2f} [{figure['low']:.2f}, {figure['high']:.2f}]"


def trained(card: dict) -> str:
    """How long, in words."""
    budget, parts = card["budget"], []
    for stage, word in (("pretrain", "content"), ("adversarial", "adversarial")):
        if patches := budget.get(f"{stage}_patches"):
            parts.append(f"{patches:,} patches {word}, {60 * budget[f'{stage}_hours']:.0f} min")
    return "; ".join(parts)


def stated(cards: list[dict], value) -> dict[str, str]:
    """What cards state, and the names of those that do."""
    found: dict[str, list[str]] = {}
    for card in cards:
        found.setdefault(value(card), []).append(f"`{card['name']}`")
    return {text: ", ".join(names) for text, names in found.items()}


def once(cards: list[dict], title: str, value) -> str:
    """A line of what all cards state; where they differ, with their names."""
    found = stated(cards, value)
    return f"- {title}: {'; '.join(f'{text} ({names})' if len(found) > 1 else text for text, names in found.items())}."


def render(cards: list[dict]) -> str:
    """The cards as Markdown."""
    lines = ["| weights | network | trained | PSNR, dB | SSIM | LPIPS | sha256 |", "|" + " --- |" * 7]
    first, protocol = cards[0]["figures"]["table"][0], cards[0]["figures"]["protocol"]
    lines.append(
        f"| bicubic | | | {interval(first['psnr'])} | {first['ssim']['mean']:.4f} | {first['lpips']['mean']:.3f} | |"
    )
    for card in cards:
        recipe, row = card["recipe"], card["figures"]["table"][-1]
        network = f"{recipe['generator']} {recipe['blocks']} x {recipe['filters']}, norm {recipe['norm']}, "
        network += f"skip {recipe['skip']}, {card['parameters']:,} parameters"
        how = f"`{card['interpolated']}`" if "interpolated" in card else trained(card)
        figures = f"{interval(row['psnr'])} | {row['ssim']['mean']:.4f} | {row['lpips']['mean']:.3f}"
        lines.append(f"| `{card['name']}` | {network} | {how} | {figures} | `{card['sha256'][:12]}` |")
    lines += ["", f"Mean over {cards[0]['figures']['images']} images and its 95 % interval. {protocol}", ""]
    lines.append("![Validation PSNR over bicubic against the patches trained on](../docs/images/learning.png)")
    lines += ["", once(cards, "Trained on", lambda card: f"{card['data']['set']}, {card['data']['images']} of them")]
    lines += [once(cards, "Tested on", lambda card: card["data"]["test"])]
    lines += [once(cards, "Licence of the data", lambda card: card["data"]["licence"])]
    lines += [once(cards, "Attribution", lambda card: card["data"]["attribution"])]
    lines += [once(cards, title, lambda card, key=key: card[key]) for key, title in SHARED.items()]
    for card in cards:
        if judge := card.get("discriminator"):
            lines.append(
                f"- `{judge['file']}`, the discriminator of `{card['name']}`: sha256 `{judge['sha256'][:12]}`."
            )
    lines += ["", "Made by:", ""]
    lines += [f"- {names}: `{command}`" for command, names in stated(cards, lambda card: card["command"]).items()]
    return "\n".join(lines) + "\n"


def draw(cards: list[dict], path: Path) -> None:
    """The curves of all cards that are no mixture: gain over bicubic on the validation images of the time."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained")
    axis = figure.subplots()
    curves = {card["name"]: card["curve"] for card in cards if "interpolated" not in card}
    # The content stage of an adversarial run is in that run's curve.
    whole = {
        name: each
        for name, each in curves.items()
        if not any(each == other[: len(each)] and len(each) < len(other) for other in curves.values())
    }
    for number, (name, curve) in enumerate(whole.items()):
        done, colour = 0, f"C{number}"
        for part in curve:
            x = [(done + (i + 1) * part["patches"]) / 1000 for i in range(len(part["val_psnr"]))]
            y = [value - part["bicubic_psnr"] for value in part["val_psnr"]]
            adversarial = part["stage"] == "adversarial"
            label = name if part is curve[0] else None
            axis.plot(x, y, "--" if adversarial else "-", color=colour, lw=1.2, label=label)
            done += part["patches"] * len(part["val_psnr"])
    axis.set(xlabel="thousand patches", ylabel="validation PSNR over bicubic, dB", ylim=(0, None))
    title = "runs were validated on different crops: compare within an unbroken line only; dashed: adversarial"
    axis.set_title(title, fontsize=9)
    axis.legend(fontsize=8, frameon=False)
    figure.savefig(path, dpi=90)


def main() -> None:
    cards = read_cards()
    page = ROOT / "weights" / "README.md"
    text = page.read_text(encoding="utf-8")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    page.write_text(before + BEGIN + render(cards) + END + after, encoding="utf-8")
    draw(cards, ROOT / "docs" / "images" / "learning.png")


if __name__ == "__main__":
    main()
