"""`intarsia recipes`."""

from __future__ import annotations

from typing import Annotated

import typer

from intarsia.cli.arguments import VerboseOption


def recipes(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="One recipe in full.", show_default=False)
    ] = None,
    all_: Annotated[
        bool, typer.Option("--all", help="Also the historical ones, of the reference systems.")
    ] = False,
    verbose: VerboseOption = False,
) -> None:
    """The table of recipes, or one in full.

    \b
    Example: intarsia recipes unet-mobilenetv2 > mine.yaml
    """
    from intarsia.recipe import DEFAULT, Recipe, recipe_names

    if name is not None:
        typer.echo(Recipe.load(name).to_yaml(), nl=False)
        return
    found = {n: Recipe.load(n) for n in recipe_names()}
    loaded = {n: recipe for n, recipe in found.items() if all_ or recipe.reference is None}
    width = max(len(n) for n in loaded)
    for n, recipe in loaded.items():
        height_width = "x".join(str(side) for side in recipe.data.image_size)
        typer.echo(
            f"{n:<{width}}  {height_width:>9} px  {recipe.train.epochs:>3} epochs  "
            f"{recipe.description}"
            + (" (the default)" if n == DEFAULT else "")
            + (f" (historical, {recipe.reference})" if recipe.reference else "")
        )
