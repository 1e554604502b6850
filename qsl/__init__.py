"""The query sample library: data sets, prompts, and what LoadGen loads of them."""
