from toy_network import files, images, network, new_network, pictures, quantised  # noqa: F401
