"""First values of the parameters."""

import torch
from torch import nn


def embedding(tokens: int, size: int) -> nn.Embedding:
    """An embedding without values, which `initialise` sets.

    Those that nn.Embedding draws itself would be drawn on the meta device by a decomposition, for which PyTorch imports
    its compiler: that takes longer than to translate a sentence.
    """
    made: nn.Embedding = nn.Embedding.from_pretrained(torch.empty(tokens, size), freeze=False)  # type: ignore[no-untyped-call]
    return made


def materialise(model: nn.Module) -> None:
    """Give each parameter on the meta device memory of the CPU; its values are yet to be set.

    As `Module.to_empty`, which imports the compiler too.
    """
    for module in model.modules():
        for name, parameter in list(module.named_parameters(recurse=False)):
            setattr(module, name, nn.Parameter(torch.empty(parameter.shape, device="cpu")))


@torch.no_grad()
def initialise(model: nn.Module, generator: torch.Generator) -> None:
    """Set every parameter, drawing from the generator alone, module by module in the order of `modules()`.

    - Embeddings, and the output weight alike: normal, standard deviation 1/√width. Scores begin moderate; Xavier's
      bound, for a matrix as tall as a vocabulary, would let hardly a gradient through to the decoder.
    - Recurrent weights: orthogonal, gate by gate (Saxe et al. 2014); the state neither fades nor explodes at first.
    - Input weights of the recurrent layers, gate by gate, and all other matrices: Xavier uniform (Glorot and Bengio
      2010).
    - Biases: 0; that of an LSTM's forget gate 1, so that it remembers at first (Jozefowicz et al. 2015).
    """
    for module in model.modules():
        if isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=module.embedding_dim**-0.5, generator=generator)
        elif isinstance(module, nn.RNNBase):
            _initialise_recurrent(module, generator)
        else:
            _initialise_rest(module, generator)


def _initialise_recurrent(layer: nn.RNNBase, generator: torch.Generator) -> None:
    size = layer.hidden_size
    for name, parameter in layer.named_parameters():
        if name.startswith("weight_ih"):
            for gate in torch.split(parameter, size):
                nn.init.xavier_uniform_(gate, generator=generator)
        elif name.startswith("weight_hh"):
            for gate in torch.split(parameter, size):
                nn.init.orthogonal_(gate, generator=generator)
        else:
            nn.init.zeros_(parameter)
            if isinstance(layer, nn.LSTM) and name.startswith("bias_ih"):
                nn.init.ones_(parameter[size : 2 * size])  # the gates stand in the order i, f, g, o


def _initialise_rest(module: nn.Module, generator: torch.Generator) -> None:
    for name, parameter in module.named_parameters(recurse=False):
        if parameter.dim() == 1:
            nn.init.zeros_(parameter)
        elif name == "output_weight":
            nn.init.normal_(parameter, std=parameter.shape[1] ** -0.5, generator=generator)
        else:
            nn.init.xavier_uniform_(parameter, generator=generator)
