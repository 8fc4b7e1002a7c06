{% macro dimension_columns() -%}
    {%- set codes = [] -%}
    {%- if execute -%}
        {%- set scorecards = graph.nodes.values() | selectattr('name', 'equalto', 'city_scorecards') | first -%}
        {%- for column in scorecards.columns.values() if column.config.meta.dimension -%}
            {%- do codes.append(column.name) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(codes) }}
{%- endmacro %}
