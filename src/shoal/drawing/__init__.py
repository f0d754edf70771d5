"""What every picture is made with: figure, numbers and caption in one, colours, axes, short labels."""
