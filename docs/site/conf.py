"""Sphinx's settings for the site; `autograder.site` writes the pages."""

import os

import course

project = "Convolutional networks"
author = copyright = "the authors of the course"
version = release = course.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "autograder.site.extension",
]
exclude_patterns = ["notebooks"]
# What a docstring names as a function or method has to be there. Types and exceptions are named by
# annotations and sections, too, and many have pages on other hosts, or none.
nitpicky = True
nitpick_ignore_regex = [("py:(class|exc|data|mod)", ".*"), ("py:func", r"draws\.kinds")]

# Lectures are executed if their code, or anything that it is made of, has changed.
nb_execution_mode = "cache"
# Of one cell, on a machine with other work: some train networks, some draw hundreds of pictures.
nb_execution_timeout = 3600
nb_execution_cache_path = os.environ["COURSE_SITE_CACHE"]
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_merge_streams = True
nb_render_markdown_format = "myst"
# Kernels inherit this: no messages of TensorFlow.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence", "deflist"]
myst_heading_anchors = 4
myst_update_mathjax = False

# MathJax lies beside the pages. It draws formulas as SVG: they grow with what they contain and with
# the text, and need no font of the reader's. Its menu would load more from elsewhere.
mathjax_path = "mathjax/tex-svg.js"
mathjax3_config = {"options": {"enableMenu": False}, "svg": {"fontCache": "global"}}

autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 80
add_module_names = False
napoleon_numpy_docstring = False
napoleon_use_param = False
napoleon_use_rtype = False
napoleon_use_ivar = True
default_role = "code"

html_theme = "furo"
html_title = "Convolutional networks"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = ["states.js"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "navigation_with_keys": True,
    "light_css_variables": {
        "color-brand-primary": "#00598c",
        "color-brand-content": "#00598c",
    },
    "dark_css_variables": {
        "color-brand-primary": "#7cc4f0",
        "color-brand-content": "#7cc4f0",
    },
}
pygments_style = "default"
pygments_dark_style = "github-dark"
