"""The policies, one file per capability; `capabilities` lists them."""
