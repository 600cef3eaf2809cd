"""One file per way of reading motion; the contract they keep is `codecsense.codecs`."""
