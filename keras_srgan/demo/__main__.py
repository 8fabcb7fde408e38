"""`python -m keras_srgan.demo`: a page that enlarges a radiograph in the browser."""

import sys

from keras_srgan.cli import Parser, port, run_safely, start_quietly

PROGRAM = "keras-srgan demo"
NETWORKS = ("xray-fast", "xray-srgan-plus")


def parser() -> Parser:
    """The command's parser; needs no TensorFlow, so `--help` is quick."""
    parse = Parser(
        prog=PROGRAM,
        description="Opens a page that enlarges a PNG, JPEG or DICOM radiograph. The network runs in the page itself, "
        "and nothing is uploaded. Not for diagnostic use.",
    )
    kind = parse.add_mutually_exclusive_group()
    kind.add_argument("--build", metavar="DIR", help="write the page as static files, which any web host can serve")
    kind.add_argument("--gradio", action="store_true", help="a Gradio app instead, where the network runs in Python")
    parse.add_argument("--weights", nargs="+", default=list(NETWORKS), metavar="W", help=f"[{' '.join(NETWORKS)}]")
    engine = "where the network runs; auto: in the page if npm can fetch its runtime [auto]"
    parse.add_argument("--engine", choices=("auto", "page", "python"), default="auto", help=engine)
    parse.add_argument("--port", type=port, default=0, help="of this computer [any that is free]")
    parse.add_argument("--no-browser", action="store_true", help="print the address only")
    return parse


def main(arguments: list[str] | None = None) -> int:
    parse = parser()
    parsed = parse.parse_args(arguments)
    if parsed.build and parsed.engine == "python":
        parse.error("argument --build: static files have no Python behind them; leave --engine out")
    return run_safely(PROGRAM, lambda: work(parsed))


def work(arguments) -> int:
    if arguments.gradio:
        from keras_srgan.demo.gradio_app import check, launch

        check()
        start_quietly()
        launch(arguments.weights, arguments.port, not arguments.no_browser)
        return 0
    from keras_srgan.demo.packages import fetch_packages

    packages = None
    if arguments.engine != "python":
        try:
            packages = fetch_packages()
        except RuntimeError as error:
            if arguments.build or arguments.engine == "page":
                raise
            print(f"{PROGRAM}: {error}. Until then the network runs in Python, behind the same page.", file=sys.stderr)
    start_quietly()
    from keras_srgan.demo.static_site import write_site

    if arguments.build:
        written = write_site(arguments.build, arguments.weights, packages)
        size = sum(path.stat().st_size for path in written) / 1e6
        print(f"{arguments.build}: {len(written)} files, {size:.0f} MB; serve them over https, as they are")
        return 0
    return serve(arguments, packages)


def serve(arguments, packages) -> int:
    import tempfile
    import webbrowser

    from keras_srgan.demo.server import Server
    from keras_srgan.demo.static_site import write_site

    with tempfile.TemporaryDirectory(prefix="keras-srgan-demo-") as folder:
        write_site(f"{folder}/page", arguments.weights, packages)
        actions = {}
        if packages is None:
            from keras_srgan.demo.actions import make_actions

            actions = make_actions(arguments.weights)
        with Server(f"{folder}/page", arguments.port, actions) as server:
            print(f"{server.address} (Ctrl-C ends it)", flush=True)
            if not arguments.no_browser:
                webbrowser.open(server.address)
            try:
                server.serve_forever()
            except KeyboardInterrupt:
                print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
